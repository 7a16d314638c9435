import { join } from 'node:path';

/** Folder of the calendar data, shipped beside the code. */
export const CALENDARS = join(
  __dirname,
  ...(__dirname.includes(join('dist', 'src')) ? ['..'] : []),
  ...['..', '..', 'calendars'],
);
