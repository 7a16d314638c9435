import { parseArgs } from 'node:util';

/** What discovery is measured on. */
export interface DiscoveryPlan {
  /** Size of the made layer, unpacked. */
  readonly imageGb: number;
  /** Records of the report that is taken in; 0 leaves that part out. */
  readonly fingerprints: number;
  /** Where the figures go as JSON; absent: into the cache. */
  readonly json: string | undefined;
}

/** osquery and Trivy as they were unpacked, or why they are not there; and the system they look at. */
export interface DiscoveryPeers {
  readonly osquery?: string;
  readonly trivy?: string;
  readonly missing?: string;
  readonly root: { readonly path: string; readonly origin: string };
}

const FINGERPRINTS_MAX = 100_000;
const IMAGE_GB_MAX = 15;

/** Reads the flags. @throws Error naming the flag that is out of bounds. */
export function readPlan(args: readonly string[]): DiscoveryPlan {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'image-gb': { type: 'string', default: '2' },
      fingerprints: { type: 'string', default: '50000' },
      json: { type: 'string' },
    },
  });
  const imageGb = Number(values['image-gb']);
  if (!(imageGb > 0 && imageGb <= IMAGE_GB_MAX)) {
    throw new Error(`--image-gb must be more than 0 and at most ${IMAGE_GB_MAX}`);
  }
  const fingerprints = Number(values.fingerprints);
  if (!Number.isInteger(fingerprints) || fingerprints < 0 || fingerprints > FINGERPRINTS_MAX) {
    throw new Error(`--fingerprints must be a whole number from 0 to ${FINGERPRINTS_MAX}`);
  }
  return { imageGb, fingerprints, json: values.json };
}

/** What `./dev bench` found on this machine. */
export function readPeers(env: NodeJS.ProcessEnv): DiscoveryPeers {
  const text = env['LETHE_BENCH_PEERS'];
  if (text === undefined) throw new Error('run this as: ./dev bench discovery');
  return JSON.parse(text) as DiscoveryPeers;
}
