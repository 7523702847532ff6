/** The verdicts on an affinity cookie, in the order of their codes, which segments store: append only. */
export const AFFINITY_VERDICTS = ['none', 'unknown', 'home', 'moved'] as const;
export type AffinityVerdict = (typeof AFFINITY_VERDICTS)[number];
