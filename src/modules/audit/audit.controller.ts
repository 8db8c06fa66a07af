import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Scope } from '../../http/access.js';
import { EntriesQuery, EntryPageView, entryView } from './audit.dto.js';
import { AuditService } from './audit.service.js';

@ApiTags('audit')
@Controller('v1/audit')
@Scope('audit:read')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get('entries')
  @ApiOperation({ operationId: 'listAuditEntries', summary: 'Read the trail; reading it is itself an entry' })
  @ApiResponse({ status: 200, type: EntryPageView, description: 'A page of entries' })
  async entries(@Query() { limit = 100, ...query }: EntriesQuery): Promise<EntryPageView> {
    const page = await this.audit.read({ ...query, limit });
    return { items: page.items.map(entryView), nextCursor: page.nextCursor };
  }
}
