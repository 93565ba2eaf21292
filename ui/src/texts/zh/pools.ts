import type { Texts } from '../shape.ts';

export const pools: Texts['pools'] = {
  title: '池与提供方',
};
