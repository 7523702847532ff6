/** Where a tenant's domain sends its requests: to one of its pools or to both, elsewhere, or away with a page. */
import type { Got } from './book.ts';
import { InForce } from './in-force.ts';
import type { Request } from './plan.ts';
import { poolsOf, TENANTS, type Tenant } from './tenants.ts';

export type Course =
  | { readonly type: 'pool'; readonly pool: string }
  /** POST and PUT go to the other pool. */
  | { readonly type: 'by-method'; readonly pool: string; readonly other: string }
  | { readonly type: 'split'; readonly pools: readonly [string, string]; readonly weight: number }
  | { readonly type: 'redirect'; readonly pool: string; readonly status: number; readonly to: string }
  | { readonly type: 'maintenance'; readonly pool: string; readonly page: string };

/** Of each tenant, as far as anybody outside can know. */
export type Courses = Readonly<Record<Tenant, InForce<Course>>>;

export function firstCourses(): Courses {
  const courses = TENANTS.map((tenant) => {
    const first: Course = { type: 'pool', pool: poolsOf(tenant)[0] };
    return [tenant, new InForce(first)];
  });
  return Object.fromEntries(courses) as Courses;
}

const CHANGING = ['POST', 'PUT'];

/** The settings of the domain. */
export function settingsOf(course: Course): object {
  switch (course.type) {
    case 'pool':
      return { pool: course.pool };
    case 'by-method':
      return { pool: course.pool, routes: [{ match: { methods: CHANGING }, pool: course.other }] };
    case 'split': {
      const [pool, other] = course.pools;
      const split = [
        { pool, weight: course.weight },
        { pool: other, weight: 10 - course.weight },
      ];
      return { pool, routes: [{ match: { pathPrefix: '/s' }, split, splitOn: { header: 'X-Soak' } }] };
    }
    case 'redirect': {
      const redirect = { status: course.status, location: `${course.to}{rest}` };
      return { pool: course.pool, routes: [{ match: { pathPrefix: '/s' }, redirect }] };
    }
    case 'maintenance':
      return { pool: course.pool, maintenance: true, errorPages: { maintenance: course.page } };
  }
}

/** The pools that may serve this request; none: the router answers it. */
export function poolsOn(course: Course, { method }: Request): readonly string[] {
  switch (course.type) {
    case 'pool':
      return [course.pool];
    case 'by-method':
      return [CHANGING.includes(method) ? course.other : course.pool];
    case 'split':
      return course.pools.filter((_, index) => (index === 0 ? course.weight : 10 - course.weight) > 0);
    default:
      return [];
  }
}

/** It is what the router says to this request on this course. */
export function isAnswerOn(course: Course, request: Request, { status, fields, body }: Got): boolean {
  if (course.type === 'redirect')
    return status === course.status && fields.get('location') === `${course.to}/${request.id}`;
  if (course.type !== 'maintenance' || status !== 503) return false;
  return request.method === 'HEAD' || Buffer.concat(body).toString('latin1') === course.page;
}
