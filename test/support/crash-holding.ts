import type { Point } from './crash-life';
import type { EngineHarness } from './engine';
import { hold } from './holds';
import { later, type Lift } from './interlocks';
import { until } from './race-lives';

/** Longer than a lease and the time that a statement may take after it, in seconds. */
const BEYOND_LEASE = 91;

/**
 * Persons who place a hold, over everything of the tenant unless it is said otherwise, at a point and release it
 * the day after somebody tried to destroy under it.
 */
export class Holding {
  readonly periods: { from: string; to: string | null }[] = [];
  private lift: Lift | null = null;
  private wasPlaced = false;

  constructor(
    private readonly engine: EngineHarness,
    private readonly tenantId: string,
    private readonly order: {
      readonly at: (point: Point) => Promise<boolean>;
      readonly place?: () => Promise<Lift>;
    },
  ) {}

  get isInForce(): boolean {
    return this.lift !== null;
  }

  /** Places the hold when its point has come. */
  async meanwhile(point: Point): Promise<boolean> {
    if (this.wasPlaced || !(await this.order.at(point))) return false;
    this.wasPlaced = true;
    const before = await this.holds();
    const answer = { isThere: false };
    const { place = () => hold(this.engine, this.tenantId) } = this.order;
    const placing = place().finally(() => {
      answer.isThere = true;
    });
    await until(async () => answer.isThere || (await this.holds()) > before);
    // A dead worker's attempt on documents is waited for: its lease runs out on the movable clock.
    if (!answer.isThere) await later(this.engine, BEYOND_LEASE);
    this.lift = await placing;
    this.periods.push({ from: await this.engine.now(), to: null });
    return true;
  }

  /** Two people release it, a day later. */
  async release(): Promise<void> {
    await later(this.engine, 24 * 3600);
    const to = await this.engine.now();
    await this.lift?.();
    this.lift = null;
    const [period] = this.periods;
    if (period !== undefined) period.to = to;
  }

  private async holds(): Promise<number> {
    const rows = await this.engine
      .root('control')
      .query('SELECT COUNT(*) AS n FROM hold_scopes WHERE tenant_id = ?', [this.tenantId]);
    return Number(rows[0]?.['n']);
  }
}
