import { covers, isManyRepositories } from '../../src/domain/repository-scope';

describe('a scope of repositories', () => {
  it.each([
    ['shop/front', 'shop/front', true],
    ['shop/front', 'shop/front/x', false],
    ['shop/front', 'shop/frontier', false],
    ['shop/front', 'shop/*', false],
    ['shop/front', '*', false],
    ['shop/*', 'shop/front', true],
    ['shop/*', 'shop/a/b', true],
    ['shop/*', 'shop', false],
    ['shop/*', 'shopping/cart', false],
    ['shop/*', 'other/shop/front', false],
    ['shop/*', 'shop/*', true],
    ['shop/*', 'shop/a/*', true],
    ['shop/a/*', 'shop/*', false],
    ['shop/*', '*', false],
    ['*', 'shop/front', true],
    ['*', 'shop/*', true],
    ['*', '*', true],
  ])('%s covers %s: %s [SH-1]', (scope, wanted, covered) => {
    expect(covers(scope, wanted)).toBe(covered);
  });

  it.each([
    ['*', true],
    ['shop/*', true],
    ['shop/front', false],
    ['shop', false],
  ])('%s speaks of many: %s', (scope, many) => {
    expect(isManyRepositories(scope)).toBe(many);
  });
});
