import { closest } from '../file/suggestion.ts';
import type { Parser } from '../values.ts';
import type { PairRule } from './otel-values.ts';

type Env = Readonly<Record<string, string | undefined>>;

const ofExporter = [
  'ENDPOINT',
  'HEADERS',
  'TIMEOUT',
  'PROTOCOL',
  'COMPRESSION',
  'CERTIFICATE',
  'CLIENT_CERTIFICATE',
  'CLIENT_KEY',
];
const supported: readonly string[] = [
  'OTEL_SDK_DISABLED',
  'OTEL_TRACES_EXPORTER',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_BSP_SCHEDULE_DELAY',
  'OTEL_BSP_EXPORT_TIMEOUT',
  'OTEL_BSP_MAX_QUEUE_SIZE',
  'OTEL_BSP_MAX_EXPORT_BATCH_SIZE',
  ...ofExporter.flatMap(name => [`OTEL_EXPORTER_OTLP_${name}`, `OTEL_EXPORTER_OTLP_TRACES_${name}`]),
];

/** Of other signals, which the gateway does not send, or about what it has no instrumentation of. */
const ofOthers =
  /^OTEL_(METRICS?|LOGS?|LOGRECORD|BLRP|METRIC|PYTHON|JAVA|NODE|GO|DOTNET|PHP|RUBY|SEMCONV|INJECTOR|INSTRUMENTATION)_|_(METRICS|LOGS|PROFILES)_/;

const longestShown = 60;

/** Reads OTEL_*; an empty variable counts as not set. What cannot be used is told in `warnings`, without any secret. */
export class OtelEnvironment {
  readonly #env: Env;
  readonly #warnings: string[];

  constructor(env: Env, warnings: string[]) {
    this.#env = env;
    this.#warnings = warnings;
    this.#tellMisspelt();
  }

  /** Null: it is not set. */
  text(name: string): string | null {
    const text = this.#env[name]?.trim() ?? '';
    return text === '' ? null : text;
  }

  flag(name: string): boolean {
    const text = this.text(name)?.toLowerCase() ?? 'false';
    if (text !== 'true' && text !== 'false') this.#warn(name, text, 'true or false');
    return text === 'true';
  }

  choice<const T extends string, F>(name: string, options: readonly T[], fallback: F): T | F {
    const text = this.text(name);
    const found = options.find(option => option === text?.toLowerCase());
    if (text !== null && found === undefined) this.#warn(name, text, options.join(' or '));
    return found ?? fallback;
  }

  /** Null: it is not set, or cannot be used. */
  parsed<T>(name: string, { parse, allowed, spelling = '' }: Parser<T>): T | null {
    const text = this.text(name);
    if (text === null) return null;
    const value = parse(text);
    if (value === undefined) this.#warn(name, text, allowed + spelling);
    return value ?? null;
  }

  /** Of a variable of the exporter, the one for traces wins over the one for all signals. */
  ofTraces<T>(name: string, parser: Parser<T>): T | null {
    return (
      this.parsed(`OTEL_EXPORTER_OTLP_TRACES_${name}`, parser) ?? this.parsed(`OTEL_EXPORTER_OTLP_${name}`, parser)
    );
  }

  textOfTraces(name: string): string | null {
    return this.text(`OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? this.text(`OTEL_EXPORTER_OTLP_${name}`);
  }

  /** Null, and a warning, where `whole` is no URL that spans can be sent to. */
  url(name: string, whole: string): string | null {
    const url = URL.parse(whole);
    if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href;
    // The text may contain a password.
    this.#warnings.push(`${name} in the environment must be an http:// or https:// URL: nothing is traced`);
    return null;
  }

  /** A list of name=value with commas between, the values percent-encoded. */
  pairs(name: string, rule: PairRule): Record<string, string> {
    const pairs: Record<string, string> = {};
    for (const part of (this.text(name) ?? '').split(',')) {
      if (part.trim() === '') continue;
      const [key, value] = pairIn(part, rule);
      if (key !== null && value !== null) pairs[key] = value;
      else
        this.#warnings.push(
          `${name} in the environment: ${named(key)} is left out: it must be name=value, percent-encoded`,
        );
    }
    return pairs;
  }

  /** Those that would change traces if the gateway supported them. */
  tellUnsupported(): void {
    const names = Object.keys(this.#env).filter(name => name.startsWith('OTEL_') && this.text(name) !== null);
    const others = names.filter(
      name => !supported.includes(name) && !ofOthers.test(name) && this.#nearest(name) === null,
    );
    if (others.length > 0)
      this.#warnings.push(`Not supported, and without effect on traces: ${others.slice(0, 20).join(', ')}`);
  }

  #tellMisspelt(): void {
    for (const name of Object.keys(this.#env)) {
      const near = this.#nearest(name);
      if (near !== null) this.#warnings.push(`${name} in the environment is unknown: is ${near} meant?`);
    }
  }

  /** Null for one that is known, or looks like no other. */
  #nearest(name: string): string | null {
    if (!name.startsWith('OTEL_') || supported.includes(name) || ofOthers.test(name)) return null;
    return closest(name, supported);
  }

  #warn(name: string, text: string, allowed: string): void {
    this.#warnings.push(
      `${name} in the environment is ${JSON.stringify(text.slice(0, longestShown))}, but must be ${allowed}: the default holds`,
    );
  }
}

const named = (key: string | null): string => (key === null ? 'an entry' : `the value of ${key}`);

/** Null for a part that cannot be used. */
const pairIn = (part: string, rule: PairRule): [key: string | null, value: string | null] => {
  const at = part.indexOf('=');
  const key = part.slice(0, Math.max(0, at)).trim();
  if (!rule.name.test(key)) return [null, null];
  try {
    const value = decodeURIComponent(part.slice(at + 1).trim());
    return [key, rule.value.test(value) ? value : null];
  } catch {
    return [key, null];
  }
};
