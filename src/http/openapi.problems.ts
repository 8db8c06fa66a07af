import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { AppError } from '../kernel/app-error.js';
import { PROBLEM_TYPE, problemOf } from './problem.js';
import type { Problem } from './problem.js';

/** An error a route answers: itself, as a reader would see it, or only its code. */
export type Documented = AppError | string;

/**
 * Documents the errors a route answers beside those every route answers, by status: `@Problems({ 404: [guestNotFound(EXAMPLE_ID)] })`. An error is its own
 * example; of a code alone the example says no more than the code does.
 */
export const Problems = (problems: Readonly<Record<number, readonly Documented[]>>): MethodDecorator & ClassDecorator =>
  applyDecorators(
    ...Object.entries(problems).map(([status, errors]) =>
      ApiResponse({ status: Number(status), ...problemResponse(Number(status), errors) }),
    ),
  );

export type ProblemResponse = {
  readonly description: string;
  readonly headers: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content: Readonly<Record<string, ProblemContent>>;
};
type ProblemContent = {
  readonly schema: { readonly $ref: string };
  readonly examples: Readonly<Record<string, { readonly value: Problem }>>;
};

/** @throws Error when an error would be answered with another status than it is documented under */
export function problemResponse(status: number, errors: readonly Documented[]): ProblemResponse {
  const answers = errors.map((error) => ({ code: codeOf(error), ...answerOf(status, error) }));
  const headers = answers.flatMap((answer) => Object.keys(answer.headers));
  return {
    description: answers.map(({ code }) => `\`${code}\``).join(', '),
    headers: Object.fromEntries(
      headers.map((name) => [HEADER_NAMES[name] ?? name, { $ref: `#/components/headers/${COMPONENTS[name]}` }]),
    ),
    content: {
      [PROBLEM_TYPE]: {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(answers.map(({ code, problem }) => [code, { value: problem }])),
      },
    },
  };
}

const codeOf = (error: Documented): string => (typeof error === 'string' ? error : error.code);

function answerOf(status: number, error: Documented): ReturnType<typeof problemOf> {
  if (typeof error !== 'string') {
    const answer = problemOf(error);
    if (answer.problem.status !== status)
      throw new Error(`${error.code} is documented as ${status} and answered as ${answer.problem.status}`);
    return answer;
  }
  const { problem, headers } = problemOf(new AppError('invalid', error, ''));
  return { problem: { ...problem, status, detail: `${problem.title}.` }, headers };
}

const COMPONENTS: Readonly<Record<string, string>> = {
  etag: 'CurrentETag',
  'retry-after': 'RetryAfter',
  'www-authenticate': 'WwwAuthenticate',
};

const HEADER_NAMES: Readonly<Record<string, string>> = {
  etag: 'ETag',
  'retry-after': 'Retry-After',
  'www-authenticate': 'WWW-Authenticate',
};
