/** The values of JSON, in which owners are stored. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
