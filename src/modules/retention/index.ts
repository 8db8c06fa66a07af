export { RetentionModule } from './retention.module.js';
export { RetentionJobs } from './retention.jobs.js';
