export * from './metrics.js';
export * from './ports/metric.store.js';
export { MetricsService } from './metrics.service.js';
export { MetricsModule } from './metrics.module.js';
