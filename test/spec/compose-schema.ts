/**
 * The part of the Compose specification that this product uses, as a JSON schema. It is narrower than the
 * specification on purpose: an unknown key is a typing mistake until somebody adds it here.
 */
const text = { type: 'string', minLength: 1 } as const;
const texts = { type: 'array', items: text, minItems: 1 } as const;
const duration = { type: 'string', pattern: '^(\\d+(ms|s|m|h))+$' } as const;

const closed = (
  properties: Readonly<Record<string, object>>,
  ...required: readonly string[]
): object => ({ type: 'object', additionalProperties: false, properties, required });

const named = (value: object): object => ({
  type: 'object',
  minProperties: 1,
  propertyNames: { pattern: '^[a-z0-9][a-z0-9_.-]*$' },
  additionalProperties: value,
});

const HEALTHCHECK = closed(
  {
    test: {
      type: 'array',
      items: text,
      minItems: 2,
      prefixItems: [{ enum: ['CMD', 'CMD-SHELL'] }],
    },
    interval: duration,
    timeout: duration,
    retries: { type: 'integer', minimum: 1 },
    start_period: duration,
  },
  'test',
  'interval',
  'timeout',
  'retries',
);

const DEPENDS_ON = named(
  closed(
    {
      condition: { enum: ['service_started', 'service_healthy', 'service_completed_successfully'] },
    },
    'condition',
  ),
);

const SERVICE = closed(
  {
    image: text,
    command: texts,
    entrypoint: texts,
    environment: {
      type: 'object',
      propertyNames: { pattern: '^[A-Z][A-Z0-9_]*$' },
      additionalProperties: text,
    },
    // Only on loopback: a stack for development is nobody else's business.
    ports: {
      type: 'array',
      items: {
        type: 'string',
        pattern: '^127\\.0\\.0\\.1:\\$\\{LETHE_PORT_[A-Z0-9_]+:-\\d+\\}:\\d+$',
      },
    },
    volumes: { type: 'array', items: { type: 'string', pattern: '^[a-z0-9-]+:/[\\w/.-]+$' } },
    configs: {
      type: 'array',
      items: closed(
        { source: text, target: { type: 'string', pattern: '^/' } },
        'source',
        'target',
      ),
    },
    depends_on: DEPENDS_ON,
    healthcheck: HEALTHCHECK,
    restart: { type: 'string', pattern: '^(no|always|unless-stopped|on-failure(:\\d+)?)$' },
  },
  'image',
);

/** Schema of `docker-compose.yml`. */
export const COMPOSE_SCHEMA = closed(
  {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' },
    services: named(SERVICE),
    configs: named(closed({ content: text }, 'content')),
    volumes: named({ type: 'object', maxProperties: 0 }),
  },
  'name',
  'services',
);
