/** The section `[telemetry]`: who may read the metrics, where, and what they name. */
import type { Setting } from '../domain/vocabulary.ts';
import type { FaultList } from './file/faults.ts';
import { hostAndPort } from './hosts.ts';
import { optional, text, type Values, whole, withDefault } from './values.ts';

export interface TelemetryConfig {
  /** Whoever reads /metrics has to present it; null: it is open. */
  readonly metricsKey: string | null;
  /** A listener of its own for /metrics, which is then not on the gateway's port; null: it is there. */
  readonly metricsListen: { readonly host: string; readonly port: number } | null;
  /** As many tenants, the busiest, have series of their own; 0: none is named. */
  readonly metricsTenants: number;
}

const mostTenants = 1000;

export const telemetryKeys = {
  metrics_key: optional(text('24 to 256 visible characters', /^[\x21-\x7e]{24,256}$/)),
  metrics_listen: optional(hostAndPort),
  metrics_tenants: withDefault('0', whole(0, mostTenants)),
};

type Read = Values<typeof telemetryKeys>;

/** The values of the section [gateway]; undefined: it is at fault. */
interface OfGateway {
  readonly host?: Setting<string>;
  readonly port?: Setting<number>;
}

/** Adds the faults that appear only when several keys are read together. */
export const checkTelemetry = (read: Partial<Read>, { host, port }: OfGateway, faults: FaultList): void => {
  const { metrics_key: key, metrics_listen: listen, metrics_tenants: tenants } = read;
  if (key === undefined || listen === undefined) return;
  const isTaken = listen.value?.host === host?.value && listen.value?.port === port?.value && port?.value !== 0;
  if (listen.value !== null && isTaken) {
    faults.add(
      'telemetry',
      'metrics_listen',
      'is where [gateway] host and port are: take another port, or leave it out',
    );
  }
  if (tenants === undefined || tenants.value === 0 || key.value !== null || listen.value !== null) return;
  faults.add(
    'telemetry',
    'metrics_tenants',
    'would name tenants to everybody who reaches the port, as /metrics is open: set metrics_key beside it, ' +
      'or metrics_listen, a listener that only Prometheus reaches',
  );
};

export const toTelemetry = (read: Read): TelemetryConfig => ({
  metricsKey: read.metrics_key.value,
  metricsListen: read.metrics_listen.value,
  metricsTenants: read.metrics_tenants.value,
});
