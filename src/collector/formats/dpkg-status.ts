/**
 * States of a package of which the files are on disk: installed, or installed and waiting for a trigger, or
 * unpacked by an installation that was not finished.
 */
const ON_DISK = /(?:^| )(?:installed|triggers-awaited|triggers-pending|half-configured|unpacked)$/;

/** True when dpkg's word on a package means that its files are there. */
export const isOnDisk = (status: string): boolean => ON_DISK.test(status);
