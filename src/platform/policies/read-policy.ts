import canonicalize from 'canonicalize';
import {
  parametersOf,
  policyDocumentSchema,
  type PolicyDocument,
} from '../../contracts/schemas/policy-document';
import { findForbidden, type PolicyFinding } from '../../domain/policy-bounds';
import { pinPolicy, RETENTION_SCHEDULE, type PinnedPolicy } from '../../domain/retention-schedule';
import { sha256 } from '../calendars';
import { findingsIn, readYaml, type PlacedProblem } from './positioned-yaml';

/** A policy document that states nothing forbidden. */
export interface ReadPolicy {
  readonly document: PolicyDocument;
  /** SHA-256 over the canonical JSON of the document, in hexadecimal. */
  readonly digest: string;
  readonly pinned: PinnedPolicy;
}

/** A policy, or everything that is wrong with its text. */
export type PolicyReading =
  | { readonly policy: ReadPolicy; readonly problems: readonly [] }
  | { readonly policy: null; readonly problems: readonly PlacedProblem[] };

/**
 * Reads the text of a policy: its shape, the sources it names, and whether the agreement and the laws
 * allow its numbers. All problems are found in one go.
 *
 * @source AB-1, AB-3, CC-2, CC-3, CC-4
 */
export function readPolicy(text: string): PolicyReading {
  const yaml = readYaml(text);
  if ('problems' in yaml) return { policy: null, problems: yaml.problems };
  const shape = policyDocumentSchema.safeParse(yaml.value);
  if (!shape.success) {
    return { policy: null, problems: findingsIn(shape.error).map((found) => yaml.place(found)) };
  }
  const forbidden = [...unsound(shape.data), ...findForbidden(contentOf(shape.data))];
  if (forbidden.length > 0) {
    return { policy: null, problems: forbidden.map((found) => yaml.place(found)) };
  }
  const document = shape.data;
  return {
    policy: {
      document,
      digest: sha256(canonicalize(document) ?? ''),
      pinned: pinPolicy(
        {
          id: document.metadata.id,
          version: document.metadata.version,
          parameters: parametersOf(document),
          classes: RETENTION_SCHEDULE.classes,
        },
        sha256,
      ),
    },
    problems: [],
  };
}

const contentOf = (document: PolicyDocument): Parameters<typeof findForbidden>[0] => ({
  parameters: parametersOf(document),
  floors: document.spec.floors,
  minimumByStatute: document.spec.periods.minimum.because.some(
    ({ source }) => document.spec.sources[source]?.authority === 'statute',
  ),
});

interface Reasoned {
  readonly field: string;
  readonly because: PolicyDocument['spec']['floors'][number]['because'];
}

/** Every reason names a source that is there; a law says where it applies and can be looked up. */
const unsound = (document: PolicyDocument): readonly PolicyFinding[] => [
  ...unknownSources(document),
  ...vagueStatutes(document),
  ...floorsOfElsewhere(document),
];

function unknownSources({ spec }: PolicyDocument): readonly PolicyFinding[] {
  const reasons: readonly Reasoned[] = [
    ...Object.entries(spec.periods).map(([name, { because }]) => ({
      field: `spec.periods.${name}.because`,
      because,
    })),
    ...spec.floors.map(({ because }, at) => ({ field: `spec.floors[${at}].because`, because })),
    { field: 'spec.calendars.because', because: spec.calendars.because },
  ];
  return reasons.flatMap(({ field, because }) =>
    because.flatMap(({ source }, at) => {
      if (source in spec.sources) return [];
      const message = `${source} is not under spec.sources; add it`;
      return [{ field: `${field}[${at}].source`, message }];
    }),
  );
}

const vagueStatutes = ({ spec }: PolicyDocument): readonly PolicyFinding[] =>
  Object.entries(spec.sources)
    .filter(([, { authority }]) => authority === 'statute')
    .filter(([, { jurisdiction, url }]) => jurisdiction === undefined || url === undefined)
    .map(([name]) => ({
      field: `spec.sources.${name}`,
      message: 'a statute needs its jurisdiction and the url of its text; add both',
    }));

function floorsOfElsewhere({ spec }: PolicyDocument): readonly PolicyFinding[] {
  return spec.floors.flatMap(({ because, jurisdiction }, at) => {
    const laws = because.map(({ source }) => spec.sources[source]);
    const own = laws.some(
      (law) => law?.authority === 'statute' && law.jurisdiction === jurisdiction,
    );
    if (own) return [];
    const message = `a floor names a statute of its own jurisdiction, ${jurisdiction}; add it`;
    return [{ field: `spec.floors[${at}].because`, message }];
  });
}
