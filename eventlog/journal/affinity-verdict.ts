/** What an affinity cookie was worth. In the order of their codes, which segments keep: append only. */
export const AFFINITY_VERDICTS = ['none', 'unknown', 'home', 'moved'] as const;
export type AffinityVerdict = (typeof AFFINITY_VERDICTS)[number];
