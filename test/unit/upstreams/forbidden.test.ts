import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressGuard } from '../../../src/upstreams/endpoints/forbidden.ts';

const guard = new AddressGuard([]);

test('addresses at which a machine is told its secrets are refused in every spelling', () => {
  for (const address of [
    '169.254.169.254',
    '169.254.0.1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    'fe80::1',
    'fe80::1%eth0',
    'febf:ffff::1',
    'fd00:ec2::254',
    'fd00:0ec2:0:0:0:0:0:254',
    '100.100.100.200',
    '::ffff:100.100.100.200',
    '168.63.129.16',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
  ]) {
    assert.equal(guard.allows(address), false, address);
  }
});

test('all other addresses are allowed, private ones and this machine too', () => {
  for (const address of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '169.253.1.1', '8.8.8.8', '::1', 'fd00::1', 'fec0::1'])
    assert.equal(guard.allows(address), true, address);
});

test('the configuration allows networks, and only those', () => {
  const open = new AddressGuard(['169.254.7.0/24', 'fe80::5']);
  assert.equal(open.allows('169.254.7.9'), true);
  assert.equal(open.allows('::ffff:169.254.7.9'), true);
  assert.equal(open.allows('169.254.8.9'), false);
  assert.equal(open.allows('fe80::5'), true);
  assert.equal(open.allows('fe80::6'), false);
});

test('a host that is a name is judged when it is looked up, a literal address at once', () => {
  assert.equal(guard.faultOf('metadata.internal'), null);
  assert.match(
    guard.faultOf('[fd00:ec2::254]')?.message ?? '',
    /^the address fd00:ec2::254 is refused unless \[gateway\] allowed_upstream_networks has it$/,
  );
});
