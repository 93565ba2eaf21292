import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HeapItem, IndexedHeap } from '../../../src/scheduler/flows/heap.ts';

interface Named extends HeapItem {
  readonly name: number;
}

interface Entry {
  readonly item: Named;
  key: number;
  readonly turn: number;
}

const anyKey = fc.integer({ min: 0, max: 20 });
const anyCommands = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('push' as const), key: anyKey, nth: fc.nat() }),
    fc.record({
      kind: fc.constantFrom('update' as const, 'remove' as const, 'pop' as const),
      key: anyKey,
      nth: fc.nat(),
    }),
    fc.record({ kind: fc.constant('lower' as const), key: anyKey, nth: fc.nat() }),
  ),
  { maxLength: 200, size: 'max' },
);

const firstOf = (entries: Entry[]) => [...entries].sort((a, b) => a.key - b.key || a.turn - b.turn)[0];

test('invariant 14: the heap agrees with a sorted list after any pushes, updates and removals, ties in order of arrival', () => {
  fc.assert(
    fc.property(anyCommands, commands => {
      const heap = new IndexedHeap<Named>();
      let entries: Entry[] = [];
      for (const [turn, { kind, key, nth }] of commands.entries()) {
        const entry = kind === 'pop' ? firstOf(entries) : entries[nth % Math.max(entries.length, 1)];
        if (kind === 'push') {
          const item: Named = { name: turn, slot: -1, key: 0, turn: 0 };
          heap.push(item, key);
          entries.push({ item, key, turn });
        } else if (kind === 'lower') {
          heap.rekey(item => item.key - key);
          for (const each of entries) each.key -= key;
        } else if (entry !== undefined && kind === 'update') {
          heap.update(entry.item, key);
          entry.key = key;
        } else if (entry !== undefined) {
          heap.remove(entry.item);
          assert.equal(entry.item.slot, -1);
          entries = entries.filter(each => each !== entry);
        }
        assert.equal(heap.size, entries.length);
        assert.equal(heap.peek()?.name, firstOf(entries)?.item.name);
        assert.equal(new Set(entries.map(each => each.item.slot)).size, entries.length, 'each item has its own slot');
      }
    }),
  );
});

test('an item of another heap is refused instead of corrupting this one', () => {
  const [one, other] = [new IndexedHeap<Named>(), new IndexedHeap<Named>()];
  const item: Named = { name: 1, slot: -1, key: 0, turn: 0 };
  one.push(item, 1);
  other.push({ name: 2, slot: -1, key: 0, turn: 0 }, 1);
  assert.throws(() => other.remove(item), /not an item/);
  one.remove(item);
  assert.throws(() => one.update(item, 2), /not an item/);
});
