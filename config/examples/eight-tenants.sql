/* The model case: one GPU pool, shared between four departments and four kinds of customers.
   Running it again changes nothing: a tenant that has a mapping, edited or not, keeps what it has. */
INSERT INTO api_key_priority_mappings
  (pattern, priority, match_type, tenant_id, tenant_name, tenant_type, description, created_by)
SELECT pattern, priority, 'prefix', tenant_id, tenant_name, tenant_type, description, 'eight-tenants.sql'
  FROM (VALUES
    ('tok_prod_*',      0, 'dept-prod',      'Production Team', 'internal', 'Live traffic'),
    ('tok_ml_*',        1, 'dept-ml',        'ML Research',     'internal', 'Experiments'),
    ('tok_analytics_*', 2, 'dept-analytics', 'Analytics',       'internal', 'Reports'),
    ('tok_dev_*',       3, 'dept-dev',       'Development',     'internal', 'Developers at their desks'),
    ('tok_ext_ent_*',   5, 'ext-enterprise', 'Enterprise',      'external', 'Customers with a contract'),
    ('tok_ext_prem_*',  6, 'ext-premium',    'Premium',         'external', 'Paying customers'),
    ('tok_ext_std_*',   7, 'ext-standard',   'Standard',        'external', 'Paying customers, basic'),
    ('tok_ext_free_*',  9, 'ext-free',       'Free',            'external', 'Trial accounts')
  ) AS tenant (pattern, priority, tenant_id, tenant_name, tenant_type, description)
 WHERE NOT EXISTS (SELECT FROM api_key_priority_mappings AS known WHERE known.tenant_id = tenant.tenant_id)
 ORDER BY priority
    ON CONFLICT (pattern) DO NOTHING;
