import { genericProblem, PROBLEM_TYPE } from './problem.ts';

/** A refusal as bytes, for sockets that have no reply object. */
export function printRefusal(status: number): string {
  const problem = genericProblem(status);
  const body = JSON.stringify(problem);
  return [
    `HTTP/1.1 ${status} ${problem.title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
