import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClientAddresses, networkOf, peerAddress } from '../../../src/http/door/client-address.ts';

/** The part of a request that determines its origin. */
const from = (remoteAddress: string | undefined, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

const proxies = new ClientAddresses(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

test('behind trusted proxies the last address that is not a trusted proxy counts', () => {
  const cases: [string, string | undefined, string][] = [
    ['10.1.2.3', '203.0.113.5', '203.0.113.5'],
    ['10.1.2.3', '198.51.100.1, 203.0.113.5', '203.0.113.5'],
    ['10.1.2.3', '198.51.100.1,203.0.113.5 , 10.9.9.9', '203.0.113.5'],
    ['::ffff:10.1.2.3', '203.0.113.5', '203.0.113.5'],
    ['10.1.2.3', '::ffff:203.0.113.5', '203.0.113.5'],
    ['fd00::1', '2001:DB8::5', '2001:db8::5'],
    ['192.0.2.7', '203.0.113.5:51234', '203.0.113.5'],
    ['192.0.2.7', '[2001:db8::5]:51234', '2001:db8::5'],
    ['192.0.2.7', '[2001:db8::5]', '2001:db8::5'],
    // Proxies only: the first of them.
    ['10.1.2.3', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['10.1.2.3', undefined, '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
  ];
  for (const [peer, forwarded, expected] of cases) {
    assert.equal(proxies.of(from(peer, forwarded)), expected, `${peer} · ${forwarded}`);
  }
});

test('forwarded addresses from an untrusted sender are ignored', () => {
  assert.equal(proxies.of(from('192.0.2.8', '203.0.113.5')), '192.0.2.8');
  assert.equal(new ClientAddresses([]).of(from('127.0.0.1', '203.0.113.5')), '127.0.0.1');
  assert.equal(new ClientAddresses(['0.0.0.0/0']).of(from('2001:db8::1', '203.0.113.5')), '2001:db8::1');
});

test('a value that is not an address ends the search: entries before it are ignored', () => {
  for (const bad of [
    'unknown',
    '_hidden',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4:',
    '::1%eth0',
    'a b',
    '',
    '[1.2.3.4',
    "'",
    '1.2.3.4:99999x',
  ]) {
    assert.equal(proxies.of(from('10.1.2.3', `198.51.100.1, ${bad}`)), '10.1.2.3', bad);
    assert.equal(proxies.of(from('10.1.2.3', `198.51.100.1, ${bad}, 10.0.0.5`)), '10.0.0.5', bad);
  }
});

test('whatever is sent, the result is an address that a trusted peer reported, in one of its spellings', () => {
  const entry = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 60 }), fc.constantFrom('10.0.0.1', 'unknown'));
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), entries => {
      const told = proxies.of(from('10.1.2.3', entries.join(',')));
      assert.ok(/^[0-9a-f.:]{2,45}$/.test(told), told);
      assert.equal(proxies.of(from('192.0.2.8', entries.join(','))), '192.0.2.8');
    }),
  );
  const many = Array(2_000).fill('10.0.0.1').join(',');
  assert.equal(proxies.of(from('10.1.2.3', many)), '10.0.0.1');
});

test('an IPv6 address counts as its whole network, and all spellings of an IPv4 address are one', () => {
  const network = '2001:db8:0:7';
  for (const address of [
    '2001:db8:0:7::1',
    '2001:db8:0:7:ffff:1:2:3',
    '2001:db8::7:0:0:0:9',
    '2001:0db8:0000:0007::',
  ]) {
    assert.equal(networkOf(address), network, address);
  }
  assert.notEqual(networkOf('2001:db8:0:8::1'), network);
  assert.equal(networkOf(peerAddress({ remoteAddress: '::ffff:192.0.2.1' })), '192.0.2.1');
  assert.notEqual(networkOf('192.0.2.2'), '192.0.2.1');
  assert.equal(networkOf('::1'), networkOf('::2'));
  assert.equal(peerAddress({}), '');
});
