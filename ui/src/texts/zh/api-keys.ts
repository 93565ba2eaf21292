import type { Texts } from '../shape.ts';

export const apiKeys: Texts['apiKeys'] = {
  title: 'API 密钥',
};
