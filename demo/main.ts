import { countTenantActions } from './actions';
import { DEMO_REPOSITORIES, PLANTED_SECRET, pushDemoImages } from './inputs/images';
import { prepareSecondRoot } from './inputs/second-root';
import { destroyedCohorts } from './cohorts';
import { Play } from './play';
import { recordHistories } from './record-histories';
import { writeReport, type DemoReport } from './report';
import { openStage } from './stage';
import { actsOfComingBack, comesBack } from './stories/comes-back';
import {
  actsOfRequestAndHold,
  DEPLOY_PATH,
  HELD_MATTER,
  requestAndHold,
} from './stories/request-and-hold';
import { prove } from './stories/proof';
import { actsOfTwoServices, twoServices } from './stories/two-services';

/** Kinds of fingerprints that the live machine must show; the agreement names fifteen. */
const LIVE_KINDS_MIN = 9;
const START = '2030-01-07T00:59:00Z';
const CHARACTERS = [twoServices, requestAndHold, comesBack];

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Three tenants live and die on real servers, in simulated time; exit code 0 only when all is as written. */
async function main(): Promise<number> {
  const startedAt = new Date().toISOString();
  const cache = process.env['LETHE_CACHE'] ?? '.cache';
  const registry = process.env['LETHE_REGISTRY_URL'] ?? '';
  print('preparing real input: a second root from Debian packages, images in the registry ...');
  const secondRoot = await prepareSecondRoot(cache);
  const images = await pushDemoImages(secondRoot.path, { registryUrl: registry });
  print('preparing schemas, accounts and processes ...');
  const stage = await openStage(cache);
  try {
    const play = new Play(stage, CHARACTERS, print);
    await stage.simulator.advanceTo(START, []);
    const inputs = {
      secondRoot: secondRoot.path,
      registry,
      repositories: images.map(({ repository }) => repository),
    };
    await play.play([
      ...actsOfTwoServices(inputs),
      ...actsOfRequestAndHold(),
      ...actsOfComingBack(inputs),
    ]);
    await prove(play, twoServices, print);
    await conclude(play, { startedAt, cache, inputs });
    const record = process.env['LETHE_RECORD_HISTORIES'];
    if (record !== undefined && record !== '') {
      await recordHistories(stage.connection, stage.config.temporal.namespace, record);
    }
    for (const line of play.expectations.summary()) print(line);
    return play.expectations.exitCode;
  } finally {
    await stage.close();
  }
}

/** What the end of the demonstration is told with. */
interface Conclusion {
  readonly startedAt: string;
  readonly cache: string;
  readonly inputs: { readonly registry: string; readonly repositories: readonly string[] };
}

async function conclude(play: Play, { startedAt, cache, inputs }: Conclusion): Promise<void> {
  showKinds(play);
  const secrets = await play.stage.administrator.findText(PLANTED_SECRET);
  play.expectations.expectNothing('no planted secret in any store', {
    ...secrets.data,
    ...secrets.evidence,
    ...secrets.elsewhere,
  });
  await expectNoContentInHistories(play, [
    ...[PLANTED_SECRET, HELD_MATTER, DEPLOY_PATH, DEMO_REPOSITORIES, ...inputs.repositories],
    inputs.registry.replace(/^https?:\/\//, ''),
  ]);
  const report: DemoReport = {
    environment: play.stage.config.environment,
    clock: 'simulated',
    startedAt: startedAt.replace(/\.\d+Z$/, 'Z'),
    tenants: await Promise.all(
      CHARACTERS.map(async (character) => {
        const cohorts = await destroyedCohorts(play, character);
        const actions = await countTenantActions(
          {
            address: play.stage.config.temporal.address,
            namespace: play.stage.config.temporal.namespace,
          },
          character.tenantId,
          character.holds.map((holdId) => `hold:${holdId}`),
        );
        return {
          tenantId: character.tenantId,
          story: character.story,
          actions: actions.total,
          dueDays: new Set(cohorts.map(({ dueOn }) => dueOn)).size,
          cohorts,
        };
      }),
    ),
    residue: await residueOf(play),
  };
  print('');
  print(`report: ${writeReport(cache, report)}`);
}

/** Ids, counts and instants travel through the workflow engine, and nothing of what the tenants have. */
async function expectNoContentInHistories(play: Play, markers: readonly string[]): Promise<void> {
  const { administrator } = play.stage;
  const ids = await administrator.findInHistories(twoServices.tenantId);
  play.expectations.expectEqual('the histories were searched', ids.containing.length > 0, true);
  for (const marker of markers) {
    const found = await administrator.findInHistories(marker);
    play.expectations.expectEqual(`not in any history: ${marker}`, found.containing, []);
  }
}

/** What is left of the two tenants whose lives have ended. */
async function residueOf(play: Play): Promise<Readonly<Record<string, number>>> {
  const residue: Record<string, number> = {};
  for (const character of [twoServices, requestAndHold]) {
    for (const [place, things] of Object.entries(await play.found(character))) {
      residue[place] = (residue[place] ?? 0) + things;
    }
  }
  return residue;
}

function showKinds(play: Play): void {
  print('');
  for (const [assetId, counts] of play.kinds) {
    const kinds = Object.entries(counts).map(([kind, n]) => `${kind} ${n}`);
    print(`${assetId}: ${kinds.join(', ')}`);
  }
  const live = play.kinds.get('as_live00000000000000001') ?? {};
  play.expectations.expectEqual(
    `at least ${LIVE_KINDS_MIN} kinds of fingerprints from the live machine`,
    Object.keys(live).length >= LIVE_KINDS_MIN,
    true,
  );
}

main()
  .then((code) => {
    process.exitCode = code;
  })
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : 'failed'}\n`);
    process.exitCode = 1;
  });
