import type { Texts } from '../shape.ts';

export const explain: Texts['explain'] = {
  title: '优先级解释',
};
