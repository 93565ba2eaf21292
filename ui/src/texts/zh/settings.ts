import type { Texts } from '../shape.ts';

export const settings: Texts['settings'] = {
  title: '设置',
};
