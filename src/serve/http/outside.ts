import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Prometheus } from '../metrics/prometheus.js';
import type { ServerPage } from '../server-page.js';
import type { Routes } from './app.js';

/** The one path of the page that shows anything of the server. */
const EVENTS = '/live/events';

/** What is seen of the server from outside: its metrics, and a page about it where there is one. */
export function outsideRoutes(prometheus: Prometheus, page: ServerPage | undefined): Routes {
  return (app) => {
    app.get('/metrics', { config: { isUnwatched: true } }, async (_request, reply) => {
      reply.header('content-type', prometheus.contentType);
      return prometheus.scrape();
    });
    if (page === undefined) return;
    const answer = (request: FastifyRequest, reply: FastifyReply): void => {
      if (page.answer(request.raw, reply.raw)) reply.hijack();
      else reply.callNotFound();
    };
    app.get(EVENTS, { config: { isUnwatched: true } }, answer);
    for (const path of ['/', '/live/*'])
      app.get(path, { config: { isUnwatched: true, isPublic: true } }, answer);
  };
}
