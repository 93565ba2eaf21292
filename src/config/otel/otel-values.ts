/** What OpenTelemetry's variables may be set to, as far as the gateway supports it. */
import type { Parser } from '../values.ts';
import { choice, whole } from '../values.ts';

export const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export const protocol: Parser<'http/protobuf' | 'http/json'> = {
  ...choice(['http/protobuf', 'http/json']),
  spelling: ' (grpc is not supported: a collector takes OTLP over HTTP at its port 4318)',
};

export const ratio: Parser<number> = {
  allowed: 'a number from 0 to 1',
  parse: text => (/^(0|1|0?\.\d{1,15}|[01]\.\d{1,15})$/.test(text) && Number(text) <= 1 ? Number(text) : undefined),
};

/** At most an hour. */
export const milliseconds: Parser<number> = {
  ...whole(1, 3_600_000),
  spelling: ' milliseconds',
};

export const wholeNumber = (least: number, most: number): Parser<number> => whole(least, most);

/** What one of a list of name=value may be, once percent-decoded. */
export interface PairRule {
  readonly name: RegExp;
  readonly value: RegExp;
}

export const header: PairRule = { name: /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,255}$/, value: /^[\x20-\x7e]{0,4096}$/ };
/** Of the resource. */
export const attribute: PairRule = { name: /^[\x21-\x7e]{1,255}$/, value: /^\P{Cc}{0,4096}$/u };
