/**
 * Whether an error in an answer is the provider's own: it failed, had no room or no rate left, or refused the gateway's
 * key. An error that a client can provoke (too long, invalid, filtered) is not, otherwise one tenant could mark a
 * provider as failing for all others; nor is an error of unknown kind.
 */
import { isProviderStatus } from '../../domain/outcome.ts';
import type { ToldError } from './answer-members.ts';

/** The spellings of OpenAI, Anthropic, vLLM, Moonshot, Google and others, without case and punctuation. */
const ownWords: ReadonlySet<string> = new Set([
  'servererror',
  'internalerror',
  'internalservererror',
  'apierror',
  'overloaded',
  'overloadederror',
  'engineoverloaded',
  'engineoverloadederror',
  'modeloverloaded',
  'serviceunavailable',
  'serviceunavailableerror',
  'unavailable',
  'capacityexceeded',
  'insufficientcapacity',
  'ratelimited',
  'ratelimiterror',
  'ratelimitexceeded',
  'ratelimitreachederror',
  'toomanyrequests',
  'resourceexhausted',
  'insufficientquota',
  'quotaexceeded',
  'exceededcurrentquotaerror',
  'billingerror',
  'billingnotactive',
  'authenticationerror',
  'invalidauthenticationerror',
  'invalidapikey',
  'incorrectapikeyerror',
  'unauthorized',
  'permissionerror',
  'permissiondenied',
  'permissiondeniederror',
  'timeout',
  'timeouterror',
  'gatewaytimeout',
  'badgateway',
  'upstreamerror',
]);

const isOwnWord = (word: string): boolean =>
  isProviderStatus(Number(word)) || ownWords.has(word.toLowerCase().replace(/[^a-z]/g, ''));

export const isOwnError = ({ type, code }: ToldError): boolean => isOwnWord(type) || isOwnWord(code);

/** For a log line and for operators; the words are the upstream's, cut, without what a terminal would act on. */
export function errorWords({ type, code }: ToldError): string {
  const words = [type, code].filter(word => word !== '').map(word => word.replace(/[^\w.:/ -]/g, ''));
  return words.length === 0 ? 'an error' : `an error (${words.join(', ')})`;
}
