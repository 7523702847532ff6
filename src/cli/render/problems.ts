/** What is wrong beside the first problem, which the `detail` of a refusal says. */
import { type Problem, renderProblem } from '../../config/index.ts';

export function furtherProblems(problems: readonly Problem[]): string[] {
  return problems.slice(1).map((problem) => renderProblem(problem));
}
