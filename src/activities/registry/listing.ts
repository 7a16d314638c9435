import type { z } from 'zod';
import { shortText } from '../../collector/text';
import { MALFORMED_MAX } from '../../contracts/schemas/registry';
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
 * @throws LetheError STORE_REFUSED for a loop or a listing without end, in pages or in time.
 */
export async function readPages<Page, Item>(
  session: Session,
  listing: Listing<Page, Item>,
  call: CallOptions,
): Promise<readonly Item[] | null> {
  const { limits, schema, what, absent = ABSENT } = listing;
  const items: Item[] = [];
  const asked = new Set<string>();
  const begun = process.uptime();
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
    if ((process.uptime() - begun) * 1000 > limits.listMs) {
      throw refusedAnswer('paging', `takes longer than ${limits.listMs} ms for one listing`);
    }
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

/** Names that a registry lists. */
export interface ListedNames {
  readonly names: readonly string[];
  /** What stands in the list and is no such name, as it may be shown to people. */
  readonly malformed: readonly string[];
}

/**
 * Tells names apart from what is none, each once. One malformed name fails by itself, because it would
 * otherwise hide everything else that the registry holds.
 *
 * @throws LetheError STORE_REFUSED when so many are malformed that the list is none.
 */
export function listedNames(items: readonly unknown[], schema: z.ZodType<string>): ListedNames {
  const names = new Set<string>();
  const malformed = new Set<unknown>();
  for (const item of items) {
    const { data } = schema.safeParse(item);
    if (data === undefined) malformed.add(item);
    else names.add(data);
  }
  if (malformed.size > MALFORMED_MAX) {
    throw refusedAnswer('answer', `lists more than ${MALFORMED_MAX} malformed names`);
  }
  return { names: [...names], malformed: [...new Set([...malformed].map(shownName))] };
}

/** Characters of a malformed name that are shown. */
const SHOWN_MAX = 128;

/** What is no text is not shown: it may be nested deeper than anything here could follow. */
const shownName = (item: unknown): string =>
  typeof item === 'string'
    ? shortText(JSON.stringify(item), SHOWN_MAX)
    : `of type ${Array.isArray(item) ? 'array' : item === null ? 'null' : typeof item}`;
