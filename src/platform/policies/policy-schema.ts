import { z } from 'zod';
import { policyDocumentSchema } from '../../contracts/schemas/policy-document';

/**
 * JSON Schema of a policy's file, for editors: draft 7 is what they know. What relates several fields, and
 * what the agreement and the laws allow, only `lethe policy lint` knows.
 */
export const policyJsonSchema = (): unknown =>
  z.toJSONSchema(policyDocumentSchema, { target: 'draft-07' });
