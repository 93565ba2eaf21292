import type { Texts } from '../shape.ts';

export const users: Texts['users'] = {
  title: '用户',
};
