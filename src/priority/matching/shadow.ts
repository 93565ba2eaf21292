/**
 * The role of the mappings in requests: none, enforced, or as a shadow. In shadow mode a request is treated exactly as
 * while mapping is disabled, and the result of the mappings is counted and logged.
 */
import type { Classify } from '../../domain/vocabulary.ts';
import type { Events } from '../../telemetry/events.ts';
import { defaultClassify, type MappedClassifyParts, mappedClassify } from './classifier.ts';

interface ClassifyParts extends MappedClassifyParts {
  readonly events: Pick<Events, 'keyMapped' | 'keyShadowed'>;
}

/** Chosen once per snapshot, so that a request checks neither switch. */
export function classifyBySettings(parts: ClassifyParts): Classify {
  const { enabled, mode } = parts.settings;
  if (!enabled.value) return defaultClassify(parts.settings);
  return mode.value === 'shadow' ? shadowClassify(parts) : mappedClassify(parts);
}

function shadowClassify({ settings, match, events }: ClassifyParts): Classify {
  const asWhenOff = defaultClassify(settings);
  // A shadow decision must not be logged as applied.
  const asEnforced = mappedClassify({ settings, match, events: { keyMapped: () => {} } });
  return request => {
    const given = asWhenOff(request);
    events.keyShadowed(request.key, given, asEnforced(request));
    return given;
  };
}
