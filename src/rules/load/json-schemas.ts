/** The JSON Schemas of both kinds of file, made from the schemas that the loaders use. */
import { z } from 'zod';
import { algorithmTypes } from '../algorithms/create-algorithm.ts';
import { meshSchema } from './mesh-schema.ts';
import {
  broadcastSchema,
  readwriteSchema,
  rulesFileSchema,
  shardingSchema,
  singleSchema,
  transactionSchema,
} from './rules-schema.ts';

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly [key: string]: unknown;
}

/** Each rule of a rules file by its tag. */
export const ruleTags = {
  '!SHARDING': shardingSchema,
  '!BROADCAST': broadcastSchema,
  '!SINGLE': singleSchema,
  '!READWRITE_SPLITTING': readwriteSchema,
  '!TRANSACTION': transactionSchema,
} as const;

export function meshJsonSchema(): JsonSchema {
  return { ...jsonSchemaOf(meshSchema), title: 'shardmesh.yaml: the sidecar' };
}

export function rulesJsonSchema(): JsonSchema {
  const schema = jsonSchemaOf(rulesFileSchema);
  const rules = Object.entries(ruleTags).map(([tag, rule]): JsonSchema => {
    const { $schema: _, ...item } = jsonSchemaOf(rule);
    return { ...item, title: tag };
  });
  return {
    ...schema,
    title: 'A rules file: one logical database',
    properties: { ...schema.properties, rules: { ...schema.properties!['rules'], items: { anyOf: rules } } },
  };
}

/** Algorithm types with their properties, required ones not marked. */
export function algorithmReference(): readonly { readonly type: string; readonly properties: readonly string[] }[] {
  return [...algorithmTypes].map(([type, properties]) => ({ type, properties }));
}

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}
