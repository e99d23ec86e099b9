/** HTTP listeners: routes, JSON answers, limits, who may ask. */
export {
  type Answer,
  type Asked,
  failure,
  type HttpListener,
  type HttpListenerOptions,
  type OpenAddress,
  openHttp,
  type RouteHandler,
  type Routes,
} from './http-listener.ts';
export { hostOf } from './origin.ts';
export { answerRoute, type RouteQuestion, remoteRoutes } from './remote-route.ts';
export { sameToken } from './token.ts';
