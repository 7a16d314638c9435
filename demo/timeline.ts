/** What the timeline shows of a due date. */
export interface DueDate {
  /** Civil day in the tenant's zone. */
  readonly dueOn: string;
  /** Null while a hold is open. */
  readonly earliestAt: string | null;
  readonly latestAt: string | null;
  readonly deleteNotBefore: string | null;
  /** e.g. `AB-3`. */
  readonly rule: string;
  /** One sentence: which days were counted from which event. */
  readonly reason: string;
}

/** Something that happened to a tenant. */
export interface TimelineEvent {
  /** Simulated instant, RFC 3339 in UTC. */
  readonly at: string;
  readonly tenantId: string;
  /** IANA zone of the tenant's contract. */
  readonly zone: string;
  readonly what: string;
  readonly due?: readonly DueDate[];
}

/** Widest line, in characters: it fits a terminal that is shared on a screen. */
export const WIDTH = 110;
const INDENT = 4;

/** Prints the lives of the tenants as they go by: plain text, no colours. */
export class Timeline {
  private tenant = '';

  constructor(private readonly print: (line: string) => void) {}

  /** One event: the tenant's own day and hour, the instant, what happened, and what is due because of it. */
  record(event: TimelineEvent): void {
    if (event.tenantId !== this.tenant) {
      this.tenant = event.tenantId;
      this.print('');
      this.print(`${event.tenantId} (${event.zone})`);
    }
    const when = `${inZone(event.at, event.zone)} | ${utc(event.at)}`;
    this.paragraph(`${when} | ${event.what}`, INDENT + when.length);
    for (const due of event.due ?? []) this.dueDate(due);
  }

  /** Counts by location before and after, widest column first; zeros on both sides are left out. */
  counts(
    title: string,
    before: Readonly<Record<string, number>>,
    after: Readonly<Record<string, number>>,
  ): void {
    const places = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    const shown = places.filter((place) => (before[place] ?? 0) !== 0 || (after[place] ?? 0) !== 0);
    this.paragraph(`${title}: ${places.length} places searched`, INDENT);
    const width = Math.max(0, ...shown.map((place) => place.length));
    for (const place of shown) {
      const [was, is] = [before[place] ?? 0, after[place] ?? 0].map((things) =>
        String(things).padStart(7),
      );
      this.paragraph(
        `${' '.repeat(INDENT)}${place.padEnd(width)} ${was ?? ''} -> ${is ?? ''}`,
        INDENT,
      );
    }
  }

  /** A line that belongs to no tenant. */
  note(line: string): void {
    this.tenant = '';
    this.paragraph(line, INDENT);
  }

  private dueDate({ dueOn, rule, reason, ...window }: DueDate): void {
    const indent = ' '.repeat(INDENT);
    this.paragraph(`${indent}due ${dueOn}, ${rule}: ${reason}`, 2 * INDENT);
    const { earliestAt, latestAt, deleteNotBefore } = window;
    const open = earliestAt === null || latestAt === null;
    const text = open
      ? 'no window while a hold is open'
      : deleteNotBefore === null
        ? `until ${utc(latestAt)}, and not before two people have ordered it`
        : `window [${utc(earliestAt)}, ${utc(latestAt)}), not before ${utc(deleteNotBefore)}`;
    this.paragraph(`${indent}${indent}${text}`, 3 * INDENT);
  }

  /** Breaks a text at spaces; later lines are set in. What is longer than a line is cut, never hidden. */
  private paragraph(text: string, hanging: number): void {
    const indent = ' '.repeat(Math.min(hanging, WIDTH / 2));
    let line = '';
    for (const word of text.split(/(?<=\S) /)) {
      if (line !== '' && line.length + 1 + word.length > WIDTH) {
        this.print(line);
        line = indent + word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
      while (line.length > WIDTH) {
        this.print(line.slice(0, WIDTH));
        line = indent + line.slice(WIDTH);
      }
    }
    this.print(line);
  }
}

/** Whole seconds; what is no instant, like a word for an open hold, stays as it is. */
const utc = (instant: string): string => instant.replace(/^(.{10}T.{8})\.\d+Z$/, '$1Z');

/** The tenant's civil time, e.g. `2031-02-01 02:00:05`. */
function inZone(instant: string, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(new Date(instant));
  const part = (type: string): string => parts.find((found) => found.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}:${part('second')}`;
}
