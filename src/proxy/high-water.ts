/** How much of a message is buffered in this process at most, on either side. */

// 64 KiB: what a socket may buffer for us beyond the kernel's own buffer before we pause the source.
export const HIGH_WATER_BYTES = 65_536;
