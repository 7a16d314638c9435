/**
 * Milliseconds of processor time that a piece of synchronous work takes in this process. What others do
 * on a busy machine does not count, so a bound on it says something about the work alone.
 */
export function cpuMillisecondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
