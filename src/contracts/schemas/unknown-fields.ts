/**
 * Whether a refusal names a field that no shape knows. Its name is as much its author's own text as its
 * value: the facade names it to the author, and what enters a history does not. @source PU-1
 */
export type UnknownFields = 'named' | 'unnamed';
