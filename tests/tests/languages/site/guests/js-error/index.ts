import { Response, defineErrorHandler } from "lithe-sdk";

export default defineErrorHandler((event, error) => {
  if (error.status === 418) return undefined;
  const { status, message } = error;
  return new Response(`${status} at ${event.path}: ${message}`, { status });
});
