import { join } from 'node:path';

/** Root of the repository or of the installed package: data is shipped beside the code. */
const ROOT = join(
  __dirname,
  ...(__dirname.includes(join('dist', 'src')) ? ['..'] : []),
  ...['..', '..'],
);

/** Folder of the calendar data. */
export const CALENDARS = join(ROOT, 'calendars');

/** Folder of the reviewed versions of the policy. */
export const POLICIES = join(ROOT, 'policies');
