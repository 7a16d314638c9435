import { parseConfiguration } from '../../src/contracts/schemas/configuration';
import { thrownBy } from '../support/thrown';

const regularDetection = { enabled: true, cycle: 'daily', startMinute: 60 };

describe('configuration bodies', () => {
  it.each([
    ...['image', 'cluster', 'baseline', 'log', 'vulnerability', 'file'].map(
      (target) => ['detection-setting', { target, regularDetection }] as const,
    ),
    [
      'detection-setting',
      { target: 'process', interceptEnabled: true, interceptedProcesses: ['/bin/nc'] },
    ],
    [
      'detection-setting',
      { target: 'container-network', interceptEnabled: true, interceptedContainers: [] },
    ],
    ...[
      'container-escape',
      'reverse-shell',
      'file-check',
      'abnormal-process',
      'file-tampering',
      'high-risk-system-call',
      'other-intrusion-prevention',
    ].map(
      (feature) =>
        [
          'whitelist',
          {
            feature,
            conditions: [{ field: 'process-path', operator: 'equals', value: '/usr/bin/true' }],
            effectiveImages: { range: 'some', images: ['app'] },
          },
        ] as const,
    ),
    ['console-setting', { setting: 'server-upgrade-protection', automatic: true }],
    ['console-setting', { setting: 'automatic-renewal', enabled: false }],
    ['console-setting', { setting: 'alarm', enabled: true, levels: ['high'] }],
  ] as const)('are accepted for every kind the agreement names: %s %j [DC-3]', (kind, body) => {
    expect(parseConfiguration(kind, body)).toEqual(body);
  });

  it.each([
    ['an unknown kind', 'billing', {}, 'UNKNOWN_KIND', 'configurationKind'],
    ['a kind from the prototype', 'constructor', {}, 'UNKNOWN_KIND', 'configurationKind'],
    ['an unknown target', 'detection-setting', { target: 'dns' }, 'INVALID_INPUT', 'body.target'],
    [
      'a missing field',
      'console-setting',
      { setting: 'automatic-renewal' },
      'INVALID_INPUT',
      'body.enabled',
    ],
    [
      'an extra field',
      'console-setting',
      { setting: 'automatic-renewal', enabled: true, card: '4111' },
      'INVALID_INPUT',
      'body.card',
    ],
    [
      'text for a number',
      'detection-setting',
      { target: 'log', regularDetection: { ...regularDetection, startMinute: '60' } },
      'INVALID_INPUT',
      'body.regularDetection.startMinute',
    ],
    ['nothing', 'whitelist', null, 'INVALID_INPUT', 'body'],
    [
      'a whitelist without conditions',
      'whitelist',
      { feature: 'file-check', conditions: [], effectiveImages: { range: 'all' } },
      'INVALID_INPUT',
      'body.conditions',
    ],
  ])('are refused with %s, naming the field and no value', (...[, kind, body, code, field]) => {
    const refusal = thrownBy(() => parseConfiguration(kind, body));
    expect(refusal).toMatchObject({ code, field });
    expect(String(refusal)).not.toContain('4111');
  });
});
