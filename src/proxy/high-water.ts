/** How much of a message is buffered in this process at most, on either side. */

// 64 KiB: what a socket may hold of ours beyond the kernel's own buffer before its source is paused.
export const HIGH_WATER_BYTES = 65_536;
