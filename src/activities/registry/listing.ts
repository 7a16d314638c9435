import type { z } from 'zod';
import { refusedAnswer } from './failures';
import type { RegistryLimits } from './limits';
import { parseAnswer } from './parse-answer';
import { assertRead } from './statuses';
import type { CallOptions, Question, Session } from './session';

/** A listing that comes in pages. */
export interface Listing<Page, Item> {
  readonly question: Question;
  readonly schema: z.ZodType<Page>;
  readonly what: string;
  readonly itemsOf: (page: Page) => readonly Item[];
  readonly limits: RegistryLimits;
  /** Statuses by which the registry says that it knows no such listing; otherwise 404 alone. */
  readonly absent?: readonly number[];
}

const ABSENT: readonly number[] = [404];

/**
 * Reads every page of a listing. Only the query of a `Link` is taken over, never its address, so that a
 * page cannot lead elsewhere; a query that was asked before is a loop.
 *
 * @returns null when the registry knows no such listing.
 * @throws LetheError STORE_REFUSED for a loop or a listing without end.
 */
export async function readPages<Page, Item>(
  session: Session,
  listing: Listing<Page, Item>,
  call: CallOptions,
): Promise<readonly Item[] | null> {
  const { limits, schema, what, absent = ABSENT } = listing;
  const items: Item[] = [];
  const asked = new Set<string>();
  let url = listing.question.url;
  for (;;) {
    asked.add(url.search);
    const answer = await session.ask({ ...listing.question, url }, call);
    if (absent.includes(answer.status) && asked.size === 1) return null;
    assertRead(answer);
    items.push(...listing.itemsOf(parseAnswer(schema, answer.body, what)));
    if (items.length > limits.items) {
      throw refusedAnswer('paging', `lists more than ${limits.items} items`);
    }
    const query = nextQuery(answer.headers.link, url);
    if (query === null) return items;
    url = new URL(url);
    url.search = query;
    if (asked.has(url.search)) throw refusedAnswer('paging', 'leads from a page to itself');
    if (asked.size >= limits.pages) {
      throw refusedAnswer('paging', `lists more than ${limits.pages} pages`);
    }
  }
}

/** Longest header that is read as a link. */
const LINK_MAX = 4096;

/** Query of the next page; null after the last one. */
function nextQuery(header: string | string[] | undefined, from: URL): string | null {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  if (text.length > LINK_MAX) throw refusedAnswer('paging', 'sent a link that is too long');
  const link = /<([^<>]{1,2048})>[^<>]{0,64}\brel="?next"?/i.exec(text)?.[1];
  if (link === undefined) return null;
  if (!URL.canParse(link, from.href)) throw refusedAnswer('paging', 'sent a malformed link');
  return new URL(link, from).search;
}
