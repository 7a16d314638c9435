import { rowsOf, type Expected, type Rows, type Seen } from './verdict';

const sum = (rows: Rows): number => Object.values(rows).reduce((all, n) => all + n, 0);
const ended = ({ tombstones }: Seen): number =>
  tombstones.filter(({ kind }) => kind === 'destroy').length;
const retired = (seen: Seen): number => seen.tombstones.length - ended(seen);

/** States of asset data, configuration and a return in which a worker's death would be most dangerous. */
export const DANGEROUS: Readonly<Record<string, (seen: Seen, expected: Expected) => boolean>> = {
  'copies written, no manifest': ({ objects, manifests }) => objects > 0 && manifests === 0,
  'manifest written, no verdict': ({ objects, manifests, verdicts }) =>
    objects > 0 && manifests > 0 && verdicts === 0,
  'documents stamped, none deleted': ({ stamped }) => stamped > 0,
  'some rows moved, some still live': ({ rows, objects, verdicts }, { parts, comesBack }) =>
    comesBack !== true &&
    objects > 0 &&
    verdicts > 0 &&
    sum(rows) > 0 &&
    sum(rows) < sum(rowsOf(parts)),
  'everything moved, every key there': ({ rows, objects, wrappings, tombstones }) =>
    sum(rows) === 0 && objects > 0 && wrappings > 0 && tombstones.length === 0,
  'permit issued, nothing done with it': ({ openPermits }) => openPermits > 0,
  'key gone, objects still there': (seen) =>
    ended(seen) > seen.certificates.length && seen.objects > 0,
  'everything gone, no certificate': (seen) =>
    ended(seen) > seen.certificates.length && seen.objects === 0 && sum(seen.rows) === 0,
  'configuration sealed, every key there': ({ objects, manifests, tombstones }, { keys }) =>
    keys !== undefined && objects === 0 && manifests > 0 && tombstones.length === 0,
  'key of configuration gone, its rows still there': (seen, { keys, parts }) =>
    keys !== undefined && ended(seen) > 0 && sum(seen.rows) > sum(rowsOf(parts.slice(ended(seen)))),
  'one generation gone, the next in use': (seen, { keys, parts }) =>
    keys !== undefined &&
    seen.certificates.length === 1 &&
    sum(seen.rows) === sum(rowsOf(parts.slice(1))),
  'some records back, some only archived': ({ rows, objects }, { comesBack, parts }) =>
    comesBack === true && objects > 0 && sum(rows) > 0 && sum(rows) < sum(rowsOf(parts)),
  'everything back, the archive still there': ({ rows, objects, verdicts }, expected) =>
    expected.comesBack === true &&
    verdicts > 0 &&
    objects > 0 &&
    sum(rows) === sum(rowsOf(expected.parts)),
  'archive retired, objects still there': (seen, { comesBack }) =>
    comesBack === true && retired(seen) > 0 && seen.objects > 0,
  'a window open but for a hold': ({ now, wrappings }, { holds, parts }) =>
    wrappings > 0 &&
    holds.some(({ to }) => to === null) &&
    parts.some(({ notBefore }) => Date.parse(notBefore) <= Date.parse(`${now.replace(' ', 'T')}Z`)),
  'held records copied, the split not on record': ({ readableKeys, splits }, { split }) =>
    split !== undefined && readableKeys > 1 && splits === 0,
  'split on record, nobody has judged it': ({ splits, splitVerdicts }) =>
    splits > 0 && splitVerdicts === 0,
  'the rest ended, control has lost what is held': (seen, { split }) =>
    split?.isLost === true && ended(seen) === 1 && seen.readableKeys > 0 && seen.splits === 0,
  'the rest ended, what is held archived under a key of its own': (seen, { split, holds }) =>
    split !== undefined &&
    ended(seen) === 1 &&
    seen.readableKeys > 0 &&
    holds.some(({ to }) => to === null),
};
