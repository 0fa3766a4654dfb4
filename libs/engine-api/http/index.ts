export { BodyDecoder, type DecodedBody } from './body-decoder.ts';
export { type EngineRoute, EngineServer, type EngineServerOptions, type Handler } from './engine-server.ts';
export { Exchange, type HijackedStream, type Upgrade } from './exchange.ts';
export { type Method, type Route, type RouteMatch, Router, splitVersion } from './router.ts';
