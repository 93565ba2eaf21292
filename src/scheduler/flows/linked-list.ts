/** A doubly linked list of items that carry their own links: any item can be removed in O(1). */
export interface Linked<Item> {
  previous: Item | null;
  next: Item | null;
}

export interface LinkedList<Item> {
  head: Item | null;
  tail: Item | null;
}

/** `next` null: inserts at the end. */
export function insertBefore<Item extends Linked<Item>>(list: LinkedList<Item>, item: Item, next: Item | null): void {
  const previous = next === null ? list.tail : next.previous;
  item.previous = previous;
  item.next = next;
  if (previous === null) list.head = item;
  else previous.next = item;
  if (next === null) list.tail = item;
  else next.previous = item;
}

export function unlink<Item extends Linked<Item>>(list: LinkedList<Item>, item: Item): void {
  if (item.previous === null) list.head = item.next;
  else item.previous.next = item.next;
  if (item.next === null) list.tail = item.previous;
  else item.next.previous = item.previous;
  item.previous = null;
  item.next = null;
}
