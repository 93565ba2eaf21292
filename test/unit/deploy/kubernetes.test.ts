// The files for Kubernetes: what kustomize renders of them has the schema of its kind, and fits the gateway.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config-loader.ts';
import {
  assertSchema,
  type KubernetesObject,
  rendered,
  unknownFields,
  withoutKubectl,
} from '../../support/kubernetes.ts';

const folder = (name: string) => `deploy/kubernetes/${name}`;
const only = (objects: readonly KubernetesObject[], kind: string) =>
  objects.find(object => object.kind === kind) ?? assert.fail(`no ${kind}`);

test('every object has the schema of its kind, and no field that it does not know', {
  skip: withoutKubectl,
}, async () => {
  const objects = [...rendered(folder('base')), ...rendered(folder('example'))];
  const kinds = new Set(objects.map(({ kind }) => kind));
  for (const kind of [
    'Deployment',
    'PodDisruptionBudget',
    'NetworkPolicy',
    'HorizontalPodAutoscaler',
    'ServiceMonitor',
    'ScaledObject',
  ])
    assert.ok(kinds.has(kind), kind);
  for (const object of objects) await assertSchema(object);
  const deployment = only(objects, 'Deployment');
  await assert.rejects(assertSchema({ ...deployment, spec: { ...deployment.spec, replicas: 'three' } }), /replicas/);
  const mistyped = { ...deployment, spec: { ...deployment.spec, replicaz: 3 } };
  const [fault, ...others] = unknownFields([...objects, mistyped]);
  assert.match(fault ?? '', /replicaz.* does not exist/);
  assert.deepEqual(others, []);
});

test('the gateway starts with the settings and the environment of its Deployment', { skip: withoutKubectl }, () => {
  for (const name of ['base', 'example']) {
    const objects = rendered(folder(name));
    const deployment = only(objects, 'Deployment');
    const { spec } = deployment.spec.template;
    const [gateway] = spec.containers;
    const text = only(objects, 'ConfigMap').data['setting.ini'];
    const env = Object.fromEntries(
      gateway.env
        .filter((one: { name: string }) => !one.name.endsWith('_URL_FILE') && !one.name.endsWith('_KEY_FILE'))
        .map((one: { name: string; value?: string }) => [one.name, one.value ?? '10.0.0.5']),
    );
    const { config, warnings } = loadConfig({ file: null, text, env, isTerminal: false });
    assert.deepEqual(warnings, []);
    assert.equal(config.gateway.edition, 'team');
    const ports = gateway.ports.map(({ containerPort }: { containerPort: number }) => containerPort);
    assert.deepEqual(ports, [config.gateway.port, config.cluster.listen?.port]);
    const stopSec = spec.terminationGracePeriodSeconds;
    const neededMs = config.gateway.shutdownDelayMs + config.gateway.shutdownGraceMs + 5_000;
    assert.ok(stopSec >= gateway.lifecycle.preStop.sleep.seconds + neededMs / 1000, `${stopSec} s are too few`);
  }
});

test('nothing is allowed that the gateway does not need, and gateways alone reach the port of the fleet', {
  skip: withoutKubectl,
}, () => {
  const objects = rendered(folder('example'));
  const deployment = only(objects, 'Deployment');
  const { spec, metadata } = deployment.spec.template;
  const [{ securityContext, image }] = spec.containers;
  assert.equal(image, 'registry.example.com/tokligence-gateway:0.1.0');
  assert.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  assert.equal(spec.securityContext.runAsNonRoot, true);
  assert.equal(spec.securityContext.runAsUser, undefined, 'a cluster may choose the number');
  const policy = only(objects, 'NetworkPolicy').spec;
  assert.deepEqual(policy.podSelector.matchLabels, metadata.labels);
  const [clients, fleet] = policy.ingress;
  assert.deepEqual([clients.ports, fleet.ports], [[{ port: 'http' }], [{ port: 'fleet' }]]);
  assert.deepEqual(fleet.from, [{ podSelector: { matchLabels: metadata.labels } }]);
  assert.equal(only(objects, 'HorizontalPodAutoscaler').spec.scaleTargetRef.name, deployment.metadata.name);
  assert.notEqual(only(objects, 'ScaledObject').spec.scaleTargetRef.name, deployment.metadata.name);
  assert.equal(deployment.spec.replicas, undefined, 'the autoscaler has the number');
  assert.equal(only(rendered(folder('base')), 'Deployment').spec.replicas, 3);
});

test('each pod of the model server is an endpoint, and the master key is a file of the secret', {
  skip: withoutKubectl,
}, () => {
  const objects = rendered(folder('example'));
  const text = only(objects, 'ConfigMap').data['setting.ini'];
  const env = { TOKLIGENCE_GATEWAY_NAME: 'a' };
  const [vllm] = loadConfig({ file: null, text, env, isTerminal: false }).config.providers;
  assert.ok(vllm !== undefined && vllm.type !== 'loopback');
  const headless = objects.find(({ metadata }) => metadata.name === 'vllm-headless') ?? assert.fail();
  assert.equal(headless.spec.clusterIP, 'None');
  const { name, namespace } = headless.metadata;
  assert.deepEqual(vllm.baseUrls, [`dns+http://${name}.${namespace}.svc:${headless.spec.ports[0].port}/v1`]);
  const [gateway] = only(objects, 'Deployment').spec.template.spec.containers;
  const secrets = gateway.volumeMounts.find(({ name }: { name: string }) => name === 'secrets');
  const master = gateway.env.find(({ name }: { name: string }) => name === 'TOKLIGENCE_MASTER_KEY_FILE');
  assert.equal(master.value, `${secrets.mountPath}/master-key`);
  const base = only(rendered(folder('base')), 'Deployment').spec.template.spec.containers[0];
  assert.ok(!base.env.some(({ name }: { name: string }) => name === 'TOKLIGENCE_MASTER_KEY_FILE'));
});
