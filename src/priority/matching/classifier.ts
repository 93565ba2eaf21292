/**
 * Decides the level and flow of a request: X-Priority within the operator's policy, else the mapping, else the default.
 * The header changes the level, never the flow.
 */
import type { PrioritySettings } from '../../config/config.ts';
import { errors } from '../../domain/errors.ts';
import {
  type Classifiable,
  type Classification,
  type Classify,
  type Identity,
  isLevel,
  type Level,
  type LevelSource,
  type XPriorityPolicy,
} from '../../domain/vocabulary.ts';
import type { Events } from '../../telemetry/events.ts';
import type { Mapping } from './matcher.ts';

/** For an edition without mappings, and while mapping is disabled. */
export function defaultClassify(settings: PrioritySettings): Classify {
  const own = levelOf(settings.default_priority.value);
  const policy = settings.x_priority.value;
  return ({ identity, asked }) => decide(asked, policy, false, own, 'default', flowOf(identity), null);
}

export interface MappedClassifyParts {
  readonly settings: PrioritySettings;
  readonly match: (key: string) => Mapping | null;
  readonly events: Pick<Events, 'keyMapped'>;
}

export function mappedClassify({ settings, match, events }: MappedClassifyParts): Classify {
  const policy = settings.x_priority.value;
  const unmapped = defaultClassify(settings);
  return (request: Classifiable) => {
    const { key, asked } = request;
    const mapping = key === null ? null : match(key);
    if (key === null || mapping === null) return unmapped(request);
    const { id, level, flowId, tenant_name, tenant_type } = mapping;
    events.keyMapped(key, level, tenant_name);
    return decide(asked, policy, tenant_type === 'internal', level, 'mapping', flowId, id);
  };
}

const flowOf = ({ userId }: Identity): string => (userId === null ? 'anonymous' : `user:${userId}`);

function levelOf(value: number): Level {
  if (!isLevel(value)) throw new RangeError(`default_priority is ${value}, not 0 to 9`);
  return value;
}

function decide(
  asked: Classifiable['asked'],
  policy: XPriorityPolicy,
  isInternal: boolean,
  own: Level,
  source: LevelSource,
  flowId: string,
  mappingId: number | null,
): Classification {
  if (asked === undefined || policy === 'ignore') return { level: own, source, flowId, mappingId, isRaised: false };
  const level = parseAsked(asked);
  const isBetter = level < own;
  if (isBetter && (policy === 'lower' || (policy === 'internal' && !isInternal)))
    return { level: own, source, flowId, mappingId, isRaised: false };
  return { level, source: 'header', flowId, mappingId, isRaised: isBetter };
}

/** A repeated header comes as a list, or joined by a comma. */
function parseAsked(asked: string | string[]): Level {
  const level = typeof asked === 'string' && /^[0-9]$/.test(asked) ? Number(asked) : null;
  if (isLevel(level)) return level;
  throw errors.invalidRequest('X-Priority must be one digit from 0 (best) to 9, sent once.', 'X-Priority');
}
