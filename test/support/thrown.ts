/** What `work` threw, so that a test can look at all of it; undefined when it threw nothing. */
export function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What `work` was refused with; undefined when it was carried out. */
export function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
