/** What JSON can say; what owners are stored as. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
