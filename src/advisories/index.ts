export { readDigestList } from './digest-list';
export { readOsvDirectory } from './read-directory';
